"""The command line: one file per verb, each with NAME, HELP, EXAMPLE, add_arguments(parser) and run(args).

`main.py` imports a verb's module only when that verb is called, so that `tailrank --help` answers at once.
Nothing is re-exported: a function `main` here would hide the module of that name.
"""
