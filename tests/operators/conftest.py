"""The scripted AWS, for tests of triggers and sensors."""

from tests.aws.scripted_fixtures import aws, hook, one_hook, readers, server  # noqa: F401 - fixtures
