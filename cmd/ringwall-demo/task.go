package main

// task is a function at work in a goroutine of its own.
type task struct {
	done chan struct{} // closed at its end
	err  error         // read it after done only
}

func start(f func() error) *task {
	t := &task{done: make(chan struct{})}
	go func() {
		defer close(t.done)
		t.err = f()
	}()
	return t
}

func (t *task) wait() error {
	<-t.done
	return t.err
}
