"""What a connection is: its settings and their rules, its status and its secrets; create, change, pause, test."""
