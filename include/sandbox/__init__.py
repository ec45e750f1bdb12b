"""The sandbox: an embedded AWS account on loopback, with MGN, a CMDB and a callback receiver.

A sandbox that is kinder than AWS is a bug: it refuses what AWS refuses.
"""
