"""Pure rules of a wave: no AWS, no Airflow, no input or output, so that each can be tested by a table.

``standing`` says where a migration is, ``refusals`` names the ways to say no, ``permit`` puts both together.
"""
