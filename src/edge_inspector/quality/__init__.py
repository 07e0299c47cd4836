"""Figures of quality: counts in, shares with their uncertainty out. Pure; whoever shows them says of what they are.

intervals    how far a share may be off          p_chart    whether the share of rejects stays what it is
pareto       which kinds of defect matter        run_rule   the same defect again and again
heat_map     where on the part defects sit       judged     what people found rejects and audited parts to be
shifts       from which time to which one counts
"""
