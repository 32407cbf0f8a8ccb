"""``python -m coldgate``: the same as the command ``coldgate``."""

from coldgate.cli import main

main()
