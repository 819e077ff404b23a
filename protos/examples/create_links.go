// Creates links of a campaign, one per recipient.
// The environment has "shortener", "business" and "token" of ready.json.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	shortenerv1 "example.com/shop/clicktrail/shortener/v1"
)

func main() {
	plaintext := grpc.WithTransportCredentials(insecure.NewCredentials())
	channel, err := grpc.NewClient(os.Getenv("CLICKTRAIL_SHORTENER"), plaintext)
	if err != nil {
		log.Fatal(err)
	}
	defer channel.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+os.Getenv("CLICKTRAIL_TOKEN"))

	links, err := shortenerv1.NewLinkServiceClient(channel).CreateLinks(ctx)
	if err != nil {
		log.Fatal(err)
	}
	request := &shortenerv1.CreateLinksRequest{
		BusinessId: os.Getenv("CLICKTRAIL_BUSINESS"),
		Template:   &shortenerv1.LinkTemplate{Destination: "https://shop.example.com/spring", Campaign: text("spring-sale")},
	}
	for _, name := range []string{"ana", "bruno"} {
		recipient := &shortenerv1.Recipient{Profile: text(name), ExternalId: text(name)}
		request.Recipients = append(request.Recipients, recipient)
	}
	// What keeps it from being sent is what Recv returns.
	_ = links.Send(request)
	_ = links.CloseSend()
	for {
		answer, err := links.Recv()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		for _, result := range answer.GetResults() {
			fmt.Println(result.GetExternalId(), result.GetLink().GetShortUrl(), result.GetErrors())
		}
	}
}

// Fields that may be absent are pointers.
func text(value string) *string { return &value }
