"""Pure rules of a wave: no AWS, no Airflow, no input or output, so that each can be tested by a table.

``standing`` says where a migration stands, ``refusals`` has the errors of a shut gate, ``permit`` uses both.
"""
