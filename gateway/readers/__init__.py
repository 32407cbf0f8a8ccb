"""Readers of logger files: bytes in, one frozen `LoggerFile` or a `FileFormatError` out."""
