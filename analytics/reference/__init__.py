"""The reference judge: the whole of the semantics a second time, slowly and in exact numbers.

Nothing here shares a line with the kernel: readings become Python integers at the door, limits are
crossed at rational instants, exponentials have sixty digits, and every rule is a plain loop that
can be read beside the semantics. What it may import are types, never arithmetic.
"""

from analytics.reference.comparison import differences
from analytics.reference.judgement import reference

__all__ = ["differences", "reference"]
