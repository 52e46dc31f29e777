"""The one command ``zhixiang``. Modules here import heavy libraries inside functions, so that help answers at
once.
"""
