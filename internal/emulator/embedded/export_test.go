package embedded

import "github.com/pipelab/pipelab/internal/emulator"

// KillWorker kills the process of an emulator of Apart, and waits for its end.
func KillWorker(e emulator.Emulator) {
	w := e.(*apart).worker
	_ = w.cmd.Process.Kill()
	_, _ = w.cmd.Process.Wait()
}
