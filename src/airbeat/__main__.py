"""``python -m airbeat`` is the ``airbeat`` command."""

from airbeat.cli.main import main

if __name__ == "__main__":
    main()
