package iam_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stretchr/testify/require"
)

func TestListUserTags_pagesThroughUpperAndLowerCase(t *testing.T) {
	t.Parallel()
	c := iam.NewFromConfig(cloud(t).Config())
	tag := func(key string) types.Tag { return types.Tag{Key: &key, Value: aws.String("x")} }
	_, err := c.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("u"),
		Tags: []types.Tag{tag("b"), tag("C"), tag("a"), tag("D")}})
	require.NoError(t, err)
	var got []string
	pages := iam.NewListUserTagsPaginator(c, &iam.ListUserTagsInput{UserName: aws.String("u"), MaxItems: aws.Int32(1)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		for _, tag := range page.Tags {
			got = append(got, *tag.Key)
		}
	}
	require.Equal(t, []string{"a", "b", "C", "D"}, got)
}
