package partition

// killRounds is how often each step is killed: in turn the process alone, and the power with it.
const killRounds = 6
