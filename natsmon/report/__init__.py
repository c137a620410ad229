"""Reports: what happened in recordings, as text, Markdown, HTML or JSON.

``sessions`` folds the events of each session, ``run_facts`` takes the facts from its State, ``compare`` puts several
runs side by side, ``build`` makes blocks of them, and ``text``, ``markdown`` and ``html`` draw the blocks, each with
its own escaping. JSON is the facts themselves.
"""
