package cloud_test

import (
	"compress/gzip"
	"encoding/json"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	gotoken "go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/cloud"
)

// declared are the codes of the errors that a service's model has for each operation,
// under the names of their shapes too.
func declared(t *testing.T, service string) map[string]map[string]bool {
	t.Helper()
	f, err := os.Open("../wire/models/" + service + ".json.gz")
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	var m struct {
		Operations map[string]struct{ Errors []struct{ Shape string } }
		Shapes     map[string]struct{ Error struct{ Code string } }
	}
	require.NoError(t, json.NewDecoder(z).Decode(&m))
	all := map[string]map[string]bool{}
	for name, op := range m.Operations {
		codes := map[string]bool{}
		for _, e := range op.Errors {
			codes[e.Shape] = true
			if code := m.Shapes[e.Shape].Error.Code; code != "" {
				codes[code] = true
			}
		}
		all[name] = codes
	}
	return all
}

// answers are the error codes in the code that the handler of each operation reaches,
// by function: all functions of the service that one names, called or not.
type answers struct {
	codes map[*types.Func]map[string]bool
	calls map[*types.Func]map[*types.Func]bool
}

// reached are the codes that a function may answer with.
func (a *answers) reached(f *types.Func, seen map[*types.Func]bool, out map[string]bool) {
	if seen[f] {
		return
	}
	seen[f] = true
	maps.Copy(out, a.codes[f])
	for g := range a.calls[f] {
		a.reached(g, seen, out)
	}
}

// read finds the errors and the functions that a function's body names.
func (a *answers) read(info *types.Info, service string, f *types.Func, body ast.Node) {
	a.codes[f], a.calls[f] = map[string]bool{}, map[*types.Func]bool{}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			if name, ok := strings.CutPrefix(owner(types.NewPointer(info.TypeOf(n)), service), "types."); ok &&
				fails(info.TypeOf(n)) {
				a.codes[f][name] = true
			}
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Errorf" && len(n.Args) > 1 {
				if v := info.Types[n.Args[1]].Value; v != nil && v.Kind() == constant.String &&
					types.ExprString(sel.X) == "gateway" {
					a.codes[f][constant.StringVal(v)] = true
				}
			}
		case *ast.Ident:
			if g, ok := info.Uses[n].(*types.Func); ok && g.Pkg() != nil &&
				strings.HasPrefix(g.Pkg().Path(), services+service) {
				a.calls[f][g.Origin()] = true
			}
		}
		return true
	})
}

// fails reports whether a type is an error of the SDK.
func fails(t types.Type) bool {
	return types.NewMethodSet(types.NewPointer(t)).Lookup(nil, "ErrorCode") != nil
}

func readAnswers(t *testing.T, all map[string]source, service string) (a *answers, handlers map[string]*types.Func) {
	t.Helper()
	fset := gotoken.NewFileSet()
	imports := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(all[path].Export)
	})
	a = &answers{map[*types.Func]map[string]bool{}, map[*types.Func]map[*types.Func]bool{}}
	handlers = map[string]*types.Func{}
	s := all[services+service]
	var files []*ast.File
	for _, name := range s.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(s.Dir, name), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, f)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{},
		Types: map[ast.Expr]types.TypeAndValue{}}
	_, err := (&types.Config{Importer: imports}).Check(s.ImportPath, fset, files, info)
	require.NoError(t, err)
	for _, file := range files {
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				f := info.Defs[fn.Name].(*types.Func)
				a.read(info, service, f, fn.Body)
				if fn.Recv != nil && ast.IsExported(fn.Name.Name) {
					handlers[fn.Name.Name] = f
				}
			}
		}
	}
	return a, handlers
}

// common are the errors that operations answer with although their models do not name
// them, by service: codes, and the page that has them.
func common() map[string][2]string {
	return map[string][2]string{
		"s3": {"AccessControlListNotSupported AccessDenied BadDigest BadRequest BucketNotEmpty EntityTooLarge " +
			"EntityTooSmall " +
			"IllegalLocationConstraintException IllegalVersioningConfigurationException IncompleteBody InvalidArgument " +
			"InvalidEncryptionAlgorithmError InvalidLocationConstraint NoSuchObjectLockConfiguration " +
			"InvalidBucketAclWithObjectOwnership InvalidBucketName InvalidBucketState InvalidDigest InvalidPart " +
			"InvalidPartNumber InvalidPartOrder InvalidRange InvalidRequest InvalidStorageClass InvalidTag KeyTooLongError " +
			"MalformedPolicy MalformedTrailerError MalformedXML MetadataTooLarge NoSuchBucket NoSuchKey NoSuchUpload " +
			"NoSuchVersion NotModified PreconditionFailed XAmzContentSHA256Mismatch",
			"https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"},
		"iam": {"AccessDenied ValidationError", "https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html"},
		"sts": {"AccessDenied InvalidParameterValue MissingAuthenticationToken ValidationError",
			"https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html"},
		"cloudformation": {"ValidationError",
			"https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html"},
		"sqs": {"InvalidParameterValue MissingParameter",
			"https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html"},
		"dynamodb": {"AccessDeniedException ThrottlingException ValidationException",
			"https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html"},
		"dynamodbstreams": {"ValidationException",
			"https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html"},
		"kinesis": {"ValidationException", "https://docs.aws.amazon.com/kinesis/latest/APIReference/CommonErrors.html"},
		"lambda": {"AccessDeniedException ValidationException",
			"https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html"},
	}
}

// besides are answers of single operations that are in neither, with the reason.
func besides() map[string]string {
	const entry = "of an entry, not of the call"
	const unseen = "reached by name, but never answered: "
	const large = "seen in https://github.com/apex/up/issues/222"
	const retired = "Invoke's, with which InvokeAsync shares its queue; its own model is from before they were"
	return map[string]string{
		"dynamodb.BatchExecuteStatement ConditionalCheckFailedException":        entry,
		"dynamodb.BatchExecuteStatement DuplicateItemException":                 entry,
		"dynamodb.BatchExecuteStatement ProvisionedThroughputExceededException": entry,
		"dynamodb.BatchExecuteStatement ResourceNotFoundException":              entry,

		"sqs.SendMessageBatch InternalFailure":                      entry,
		"sqs.SendMessageBatch InvalidMessageContents":               entry,
		"sqs.DeleteMessageBatch ReceiptHandleIsInvalid":             entry,
		"sqs.ChangeMessageVisibilityBatch MessageNotInflight":       entry,
		"sqs.ChangeMessageVisibilityBatch ReceiptHandleIsInvalid":   entry,
		"sqs.AddPermission InvalidAttributeValue":                   unseen + "the policy that it writes is whole",
		"sqs.RemovePermission InvalidAttributeValue":                unseen + "the policy that it writes is whole",
		"kinesis.CreateStream ResourceNotFoundException":            unseen + "there being no such stream is what it wants",
		"cloudformation.DeleteChangeSet ChangeSetNotFoundException": unseen + "what is gone has been deleted",
		"lambda.GetPolicy PreconditionFailedException":              unseen + "it compares no revision",
		"lambda.CreateFunction RequestEntityTooLargeException":      large,
		"lambda.UpdateFunctionCode RequestEntityTooLargeException":  large,
		"lambda.PublishLayerVersion RequestEntityTooLargeException": large,
		"lambda.InvokeAsync RequestTooLargeException":               retired,
		"lambda.InvokeAsync InvalidParameterValueException":         retired,
		"iam.CreateRole NoSuchEntityException":                      "of the boundary, as the model of CreateUser has it",
		"iam.CreateInstanceProfile NoSuchEntityException":           unseen + "a profile has no boundary",
	}
}

// Every error that a handler can answer with is one that AWS's model has for its
// operation, or one of those that all operations of the service have.
func TestErrors_areThoseOfTheOperation(t *testing.T) {
	all, answered, handled := sources(t), map[string]bool{}, 0
	for _, d := range cloud.Describe() {
		model := declared(t, d.Name)
		a, handlers := readAnswers(t, all, d.Name)
		for _, op := range d.Operations {
			h := handlers[op.Name]
			if h == nil {
				continue // in a package below the service's
			}
			handled++
			codes := map[string]bool{}
			a.reached(h, map[*types.Func]bool{}, codes)
			for _, code := range slices.Sorted(maps.Keys(codes)) {
				at := d.Name + "." + op.Name + " " + code
				answered[at] = true
				if !model[op.Name][code] && besides()[at] == "" && code != "NotImplemented" && // our own
					!slices.Contains(strings.Fields(common()[d.Name][0]), code) {
					t.Errorf("%s: AWS's model has no such error", at)
				}
			}
		}
	}
	require.Greater(t, handled, 200)
	for at := range besides() {
		require.True(t, answered[at], "%s is answered no longer", at)
	}
}
