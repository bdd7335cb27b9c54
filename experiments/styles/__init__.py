"""The command `style`: one picture gets the style of others."""
