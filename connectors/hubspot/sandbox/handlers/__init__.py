"""What each path answers. A handler takes the account and a request, under the account's lock, and gives a response."""
