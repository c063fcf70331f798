#!/usr/bin/env node
// On the PATH as `kubectl-modelship`, this is `kubectl modelship`: kubectl starts it with the words that follow.
import './modelship.mjs';
