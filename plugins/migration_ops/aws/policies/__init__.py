"""Reads IAM policies: whom they allow access, and what they allow a role to do.

Pure: no AWS call, no Airflow. ``statements`` reads documents and says which open a resource to everybody;
``conditions`` says which conditions restrict, by key and operator; ``patterns`` matches actions and ARNs as IAM does;
``permissions`` combines a role's policies, boundary and Denies; ``escalation`` compares them with the known
``recipes``; ``trust`` says who may assume a role; ``exposure`` adds the other ways in which a resource is public.
"""
