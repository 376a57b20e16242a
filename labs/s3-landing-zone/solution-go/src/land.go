// Command land files what the suppliers send.
//
//	land BUCKET < deliveries.jsonl
//
// Each line is a delivery: {"name": "till 7.json", "source": "shop", "date":
// "2026-02-03", "body": "…"}. Its body becomes an object. One line of JSON says
// what became of each: {"name": …, "key": …}.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

type delivery struct {
	Name   string `json:"name"`
	Source string `json:"source"`
	Date   any    `json:"date"` // suppliers send what they like
	Body   string `json:"body"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: land BUCKET < deliveries.jsonl")
		os.Exit(2)
	}
	if err := landAll(context.Background(), os.Args[1], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func landAll(ctx context.Context, bucket string, in io.Reader, out io.Writer) error {
	client := s3.NewFromConfig(settings(), func(o *s3.Options) { o.UsePathStyle = true })
	lines, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var d delivery
		err := lines.Decode(&d)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		key, err := land(ctx, client, bucket, d)
		if err != nil {
			return err
		}
		if err := answers.Encode(map[string]string{"name": d.Name, "key": key}); err != nil {
			return err
		}
	}
}

// land files a delivery by its business date, or sets it aside with the reason.
func land(ctx context.Context, client *s3.Client, bucket string, d delivery) (key string, err error) {
	object := &s3.PutObjectInput{Bucket: aws.String(bucket), Body: strings.NewReader(d.Body)}
	day, problem := businessDate(d.Date)
	if problem == nil {
		key = fmt.Sprintf("source=%s/year=%s/month=%s/day=%s/%s", d.Source, day.Format("2006"), day.Format("01"), day.Format("02"), d.Name)
	} else {
		key = "quarantine/" + d.Name
		object.Metadata = map[string]string{"reason": ascii(problem.Error())}
	}
	object.Key = aws.String(key)
	_, err = client.PutObject(ctx, object)
	return key, err
}

var datePattern = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)

func businessDate(stated any) (time.Time, error) {
	text, ok := stated.(string)
	if !ok || !datePattern.MatchString(text) {
		return time.Time{}, fmt.Errorf("date %q is not YYYY-MM-DD", fmt.Sprint(stated))
	}
	day, err := time.Parse(time.DateOnly, text) // refuses days that no calendar has
	if err == nil && day.Year() == 0 {
		err = fmt.Errorf("date %q has no year", text)
	}
	return day, err
}

// ascii makes a text that headers can hold, which metadata travels in.
func ascii(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}

// settings are the environment's.
func settings() aws.Config {
	return aws.Config{
		Region:       os.Getenv("AWS_REGION"),
		BaseEndpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL")),
		Credentials:  credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")),
	}
}
