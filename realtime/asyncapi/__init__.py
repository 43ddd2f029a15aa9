"""The WebSocket described as an AsyncAPI 3 document, made from the routes, the messages and the errors themselves."""
