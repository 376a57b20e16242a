package app

// VenvBin is where a virtual environment keeps its programs.
const VenvBin = "Scripts"
