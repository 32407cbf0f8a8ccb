"""People: who asks, what they may do, and how they prove that it is them."""
