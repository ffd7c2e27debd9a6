"""Pictures: in and out of files, at other sizes, and in figures."""
