"""The demo: one cast, its journeys in accelerated time, and how each must end."""
