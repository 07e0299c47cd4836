"""An execution of a workflow as one page that needs no network and no script to be read.

    DescribeExecution, GetExecutionHistory, …  ->  reading  ->  Record
        definition  ->  machine  ->  scopes of states and transitions  ->  layout  ->  boxes and routes  ->  graph (SVG)
        events      ->  visits   ->  one visit for each time that a state was entered  ->  outcome  ->  panels, timeline

What a definition or an execution says is data: `markup` escapes every text that becomes part of the page.
"""
