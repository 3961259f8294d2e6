"""House rules that no general linter knows, each with a code. `python -m scripts.lint` runs them all.

A line that must break a rule says so: `# lint: allow JISHI02 - why`.
"""
