"""What nobody is told of, over HTTP: listed, wanted, ended, taken over from calendars. Shell."""
