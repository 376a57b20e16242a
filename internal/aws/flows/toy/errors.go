package toy

import "github.com/aws/smithy-go"

// NoSuchCounterException says that there is no such counter.
type NoSuchCounterException struct{ Message *string }

func (e *NoSuchCounterException) Error() string                 { return e.ErrorCode() + ": " + *e.Message }
func (e *NoSuchCounterException) ErrorCode() string             { return "NoSuchCounterException" }
func (e *NoSuchCounterException) ErrorMessage() string          { return *e.Message }
func (e *NoSuchCounterException) ErrorFault() smithy.ErrorFault { return smithy.FaultClient }

// CounterExistsException says that the name of a counter is taken.
type CounterExistsException struct{ Message *string }

func (e *CounterExistsException) Error() string                 { return e.ErrorCode() + ": " + *e.Message }
func (e *CounterExistsException) ErrorCode() string             { return "CounterExistsException" }
func (e *CounterExistsException) ErrorMessage() string          { return *e.Message }
func (e *CounterExistsException) ErrorFault() smithy.ErrorFault { return smithy.FaultClient }
