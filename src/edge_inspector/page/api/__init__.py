"""What can be asked of the page: one module for each subject, which returns its doors."""
