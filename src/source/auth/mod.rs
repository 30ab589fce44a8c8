//! Signing in: OAuth 2 by the browser with a loopback redirect, or by user name and password.
