-- Values that may not be kept any more; whoever wants them gives them anew, in another form.
UPDATE {target} SET {assignments} WHERE {filled}
