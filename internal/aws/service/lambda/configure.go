package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/policy"
	"github.com/pipelab/pipelab/internal/aws/runtime"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// options is what creation and update can set; nil leaves a setting as it is.
type options struct {
	runtime     types.Runtime
	handler     *string
	role        *string
	description *string
	timeout     *int32
	memory      *int32
	environment *types.Environment
	storage     *types.EphemeralStorage
	layers      []string
	dead        *types.DeadLetterConfig
	logging     *types.LoggingConfig
	tracing     *types.TracingConfig
}

func optionsOf(in *sdk.CreateFunctionInput) options {
	return options{in.Runtime, in.Handler, in.Role, in.Description, in.Timeout, in.MemorySize, in.Environment,
		in.EphemeralStorage, in.Layers,
		in.DeadLetterConfig, in.LoggingConfig, in.TracingConfig}
}

// configure checks what is wanted and sets it.
func (s *Service) configure(ctx context.Context, c *types.FunctionConfiguration, w options) error {
	if w.runtime != "" {
		if err := checkRuntime(w.runtime); err != nil {
			return err
		}
		c.Runtime = w.runtime
	}
	set(&c.Handler, w.handler)
	set(&c.Description, w.description)
	set(&c.Timeout, w.timeout)
	set(&c.MemorySize, w.memory)
	if w.storage != nil {
		c.EphemeralStorage = w.storage
	}
	if w.role != nil {
		if err := s.checkRole(ctx, *w.role, aws.ToString(c.FunctionArn)); err != nil {
			return err
		}
		c.Role = w.role
	}
	if w.environment != nil {
		if err := checkVariables(w.environment.Variables); err != nil {
			return err
		}
		c.Environment = nil
		if w.environment.Variables != nil { // an empty one is shown too
			c.Environment = &types.EnvironmentResponse{Variables: w.environment.Variables}
		}
	}
	if w.dead != nil {
		if err := checkTarget(aws.ToString(w.dead.TargetArn), "DeadLetterConfig", "sqs"); err != nil {
			return err
		}
		c.DeadLetterConfig = w.dead
		if aws.ToString(w.dead.TargetArn) == "" {
			c.DeadLetterConfig = nil
		}
	}
	if w.logging != nil && w.logging.LogGroup != nil {
		c.LoggingConfig = &types.LoggingConfig{LogFormat: types.LogFormatText, LogGroup: w.logging.LogGroup}
	}
	if w.tracing != nil && w.tracing.Mode != "" {
		c.TracingConfig = &types.TracingConfigResponse{Mode: w.tracing.Mode}
	}
	if w.layers == nil {
		return nil
	}
	if len(w.layers) > int(limit("layers")) {
		return invalid("Cannot reference more than %d layers.", limit("layers"))
	}
	c.Layers = nil
	for _, arn := range w.layers {
		c.Layers = append(c.Layers, types.Layer{Arn: aws.String(arn)})
	}
	return nil
}

func set[T any](to **T, from *T) {
	if from != nil {
		*to = from
	}
}

// checkRuntime refuses runtimes that AWS no longer takes and those that cannot
// run here.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html#runtimes-deprecated
func checkRuntime(r types.Runtime) error {
	blocked := []types.Runtime{types.RuntimePython27, types.RuntimePython36, types.RuntimePython37, types.RuntimeNodejs,
		types.RuntimeNodejs43,
		types.RuntimeNodejs610, types.RuntimeNodejs810, types.RuntimeNodejs10x, types.RuntimeNodejs12x,
		types.RuntimeNodejs14x, types.RuntimeNodejs43edge,
		types.RuntimeProvided, types.RuntimeGo1x}
	if slices.Contains(blocked, r) {
		return invalid("The runtime parameter of %s is no longer supported for creating or updating AWS Lambda functions. "+
			"We recommend you use a newer runtime while creating or updating functions.", r)
	}
	if err := runtime.Check(string(r)); err != nil {
		return gateway.Errorf(501, "NotImplemented", "%s", err.Error())
	}
	return nil
}

// checkRole refuses a role that is not there or that does not trust Lambda to run
// the function with that ARN.
func (s *Service) checkRole(ctx context.Context, arn, function string) error {
	refused := invalid("The role defined for the function cannot be assumed by Lambda.")
	a, err := ident.ParseARN(arn)
	if err != nil || a.Service != "iam" || !strings.HasPrefix(a.Resource, "role/") {
		return refused
	}
	name := a.Resource[strings.LastIndexByte(a.Resource, '/')+1:]
	out, err := gateway.Invoke[iam.GetRoleOutput](ctx, s.host, gateway.Call{
		Principal: gateway.ServicePrincipal("lambda.amazonaws.com", a.Account),
		Scope:     ident.Scope{Account: a.Account, Region: gateway.From(ctx).Scope.Region},
		Service:   "iam", Operation: "GetRole", Input: &iam.GetRoleInput{RoleName: aws.String(name)}})
	if err != nil {
		if gateway.ErrorCode(err) == "NoSuchEntity" || gateway.ErrorCode(err) == "NoSuchEntityException" {
			return refused
		}
		return err
	}
	text, err := url.QueryUnescape(aws.ToString(out.Role.AssumeRolePolicyDocument))
	if err != nil || aws.ToString(out.Role.Arn) != arn || !s.trusts(ctx, text, a, function) {
		return refused
	}
	return nil
}

// trusts reports whether a trust policy lets Lambda assume the role for a function.
func (s *Service) trusts(ctx context.Context, document string, role ident.ARN, function string) bool {
	doc, err := policy.Parse(policy.Trust, document)
	if err != nil {
		return false
	}
	return gateway.Trusts(gateway.From(ctx), doc, role, gateway.ServicePrincipal("lambda.amazonaws.com", role.Account),
		function)
}

// reserved are the variables that functions cannot set.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
func reserved() []string {
	return []string{"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
		"AWS_LAMBDA_FUNCTION_NAME",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE",
		"AWS_LAMBDA_LOG_GROUP_NAME",
		"AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"}
}

// variableName is what the name of a variable must be: two characters or more, none of
// which ends a name in the environment of a process.
// Source: https://docs.aws.amazon.com/lambda/latest/api/API_Environment.html
var variableName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]+$`)

func checkVariables(m map[string]string) error {
	const unable = "Lambda was unable to configure your environment variables because the environment variables you " +
		"have provided "
	var used []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !variableName.MatchString(name) {
			return gateway.Errorf(http.StatusBadRequest, "ValidationException", "1 validation error detected: Value at "+
				"'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy "+
				"regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]")
		}
	}
	for _, name := range reserved() {
		if _, ok := m[name]; ok {
			used = append(used, name)
		}
	}
	if len(used) > 0 {
		return invalid(unable+
			"contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s",
			strings.Join(used, ", "))
	}
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if len(text) > int(limit("environmentBytes")) {
		return invalid(unable+"exceeded the 4KB limit. String measured: %s", text)
	}
	return nil
}

// checkTarget refuses ARNs of services that events cannot go to.
func checkTarget(arn, what string, services ...string) error {
	if arn == "" {
		return nil
	}
	a, err := ident.ParseARN(arn)
	if err != nil {
		return invalid("The provided destination %s is invalid", arn)
	}
	if !slices.Contains(services, a.Service) {
		return gateway.Unsupported("lambda", what, fmt.Sprintf("a target of %s", a.Service))
	}
	if a.Service == "sqs" && strings.HasSuffix(a.Resource, ".fifo") {
		// Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
		return invalid("The target %s is a FIFO queue, which asynchronous invocation does not support", arn)
	}
	return nil
}

// putLayers resolves the layers of a version and checks its unpacked size.
func (s *Service) putLayers(tx *store.Tx, v *version, unpacked int64) error {
	v.Layers = nil
	for i, l := range v.Config.Layers {
		found, err := s.layerByARN(tx, *l.Arn)
		if err != nil {
			return err
		}
		v.Config.Layers[i].CodeSize = found.Code.Size
		v.Layers = append(v.Layers, found.Code.ID)
		unpacked += found.Unpacked
	}
	if unpacked > limit("unzippedBytes") {
		return invalid(
			"Function code combined with layers exceeds the maximum allowed size of %d bytes. The actual size is %d bytes.",
			limit("unzippedBytes"), unpacked)
	}
	v.Unpacked = unpacked
	return nil
}

// copyConfig fills an output that has the members of a configuration: the SDK
// repeats them in a type of each operation's own.
func copyConfig(out any, c types.FunctionConfiguration) {
	to, from := reflect.ValueOf(out).Elem(), reflect.ValueOf(c)
	for i := range from.NumField() {
		name := from.Type().Field(i).Name
		if f := to.FieldByName(name); f.IsValid() && f.CanSet() {
			f.Set(from.Field(i))
		}
	}
}
