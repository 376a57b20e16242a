package esm

func (w *worker) runQueue(wake *waker) {}
