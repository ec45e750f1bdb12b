"""One definition of what IAM policies reach: whom they let in, and what they let a role do.

Pure: no AWS call, no Airflow. ``statements`` reads documents and says which open a resource to everybody;
``conditions`` says which conditions bind, by key and operator; ``patterns`` matches actions and ARNs as IAM does;
``permissions`` weighs a role's policies, boundary and denies; ``escalation`` holds them against the known ``recipes``;
``trust`` reads who may take a role on; ``exposure`` adds the other ways by which a resource is public.
"""
