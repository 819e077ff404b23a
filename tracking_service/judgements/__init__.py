"""Judging hits again: who sent them, by later rules."""
