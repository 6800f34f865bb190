"""Interpreters, measures, comparisons and reports."""
