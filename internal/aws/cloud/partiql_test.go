package cloud_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
)

// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
func TestEnforced_statementsHavePermissionsOfTheirOwn(t *testing.T) {
	t.Parallel()
	g, ctx := enforced(t), t.Context()
	g.table("aaa", nil)
	reader := dynamodb.NewFromConfig(g.user("reader", `{"Effect":"Allow","Action":"dynamodb:PartiQLSelect","Resource":"`+
		tablesARN+`aaa"},{"Effect":"Deny","Action":"dynamodb:PartiQLSelect","Resource":"*","Condition":{"Bool":`+
		`{"dynamodb:FullTableScan":["true"]}}}`))
	own := dynamodb.NewFromConfig(g.user("own", `{"Effect":"Allow","Action":"dynamodb:PartiQL*","Resource":"*",`+
		`"Condition":{"ForAllValues:StringEquals":{"dynamodb:LeadingKeys":["own"]}}}`))
	within := dynamodb.NewFromConfig(g.user("within", `{"Effect":"Allow","Action":"dynamodb:PartiQLInsert",`+
		`"Resource":"*","Condition":{"StringEquals":{"dynamodb:EnclosingOperation":["ExecuteTransaction"]}}}`))
	do := func(c *dynamodb.Client, text string) error {
		_, err := c.ExecuteStatement(ctx, &dynamodb.ExecuteStatementInput{Statement: &text})
		return err
	}
	const denied = "AccessDeniedException"
	require.NoError(t, do(reader, `SELECT * FROM aaa WHERE k = 'x'`))
	refused(t, do(reader, `SELECT * FROM aaa`), denied, "dynamodb:PartiQLSelect on resource: "+tablesARN+"aaa with an "+
		"explicit deny")
	refused(t, do(reader, `SELECT * FROM aaa.again WHERE k = 'x'`), denied, tablesARN+"aaa/index/again")
	refused(t, do(reader, `DELETE FROM aaa WHERE k = 'x'`), denied, "dynamodb:PartiQLDelete")
	require.NoError(t, do(own, `INSERT INTO aaa VALUE {'k': 'own'}`))
	refused(t, do(own, `INSERT INTO aaa VALUE {'k': 'other'}`), denied, "dynamodb:PartiQLInsert")
	refused(t, do(own, `UPDATE aaa SET x = 1 WHERE k = 'other'`), denied, "dynamodb:PartiQLUpdate")
	require.NoError(t, do(own, `UPDATE aaa SET x = 1 WHERE k = 'own'`))
	insert := `INSERT INTO aaa VALUE {'k': 'within'}`
	refused(t, do(within, insert), denied, "dynamodb:PartiQLInsert")
	_, err := within.ExecuteTransaction(ctx, &dynamodb.ExecuteTransactionInput{
		TransactStatements: []types.ParameterizedStatement{{Statement: &insert}}})
	require.NoError(t, err)
	_, err = reader.BatchExecuteStatement(ctx, &dynamodb.BatchExecuteStatementInput{
		Statements: []types.BatchStatementRequest{{Statement: aws.String(`DELETE FROM aaa WHERE k = 'own'`)}}})
	refused(t, err, denied, "dynamodb:PartiQLDelete")
}
