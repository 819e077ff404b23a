import clicktrail.shortener.v1.BatchCreateLinksRequest;
import clicktrail.shortener.v1.LinkResult;
import clicktrail.shortener.v1.LinkServiceGrpc;
import clicktrail.shortener.v1.LinkTemplate;
import clicktrail.shortener.v1.Recipient;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Creates links of a campaign, one per recipient.
 * The environment has "shortener", "business" and "token" of ready.json.
 */
final class CreateLinks {
    public static void main(String[] arguments) throws InterruptedException {
        var credential = new Metadata();
        credential.put(
                Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER),
                "Bearer " + System.getenv("CLICKTRAIL_TOKEN"));
        var channel = ManagedChannelBuilder.forTarget(System.getenv("CLICKTRAIL_SHORTENER")).usePlaintext().build();
        try {
            var links = LinkServiceGrpc.newBlockingStub(channel)
                    .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(credential))
                    .withDeadlineAfter(10, TimeUnit.SECONDS);
            var template = LinkTemplate.newBuilder()
                    .setDestination("https://shop.example.com/spring")
                    .setCampaign("spring-sale");
            var request = BatchCreateLinksRequest.newBuilder()
                    .setBusinessId(System.getenv("CLICKTRAIL_BUSINESS"))
                    .setTemplate(template);
            for (String name : List.of("ana", "bruno")) {
                request.addRecipients(Recipient.newBuilder().setProfile(name).setExternalId(name));
            }
            for (LinkResult result : links.batchCreateLinks(request.build()).getLinksList()) {
                var answer = result.hasLink() ? result.getLink().getShortUrl() : result.getErrorsList();
                System.out.println(result.getExternalId() + " " + answer);
            }
        } finally {
            channel.shutdown().awaitTermination(10, TimeUnit.SECONDS);
        }
    }
}
