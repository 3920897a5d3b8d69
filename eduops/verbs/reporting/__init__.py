"""The verbs that write leadership's reports and the evidence against a provider. Shell."""
