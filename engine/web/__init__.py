"""The pages that a person sees. Thin: every action is one call into the rooms that hold the rules."""
