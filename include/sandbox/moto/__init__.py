"""moto, and what it lacks or does more kindly than AWS: one module a subject, each says what differs."""
