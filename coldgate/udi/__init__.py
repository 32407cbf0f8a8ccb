"""What is printed on goods: codes of GS1 and HIBC read, and compared with what was consigned."""
