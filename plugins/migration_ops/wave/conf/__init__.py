"""The conf of a wave and of a rollback: the model, its parts, its rules and its JSON schema."""
