<?php
// Sends an order from a shop's server: once, however often it is tried. PHP 8 or newer, nothing else.
$url = getenv('CLICKTRAIL_URL'); // such as https://go.example.com
$token = getenv('CLICKTRAIL_TOKEN'); // a private token of the business
const TRIES = 8;
if (!$url || !$token) {
    throw new RuntimeException('CLICKTRAIL_URL and CLICKTRAIL_TOKEN have to be set.');
}

/** Send an event and return its receipt. Throws where the event itself is refused. */
function send(string $url, string $token, array $event): array
{
    $context = stream_context_create(['http' => [
        'method' => 'POST',
        'header' => "Authorization: Bearer $token\r\nContent-Type: application/json\r\n",
        'content' => json_encode($event),
        'timeout' => 15,
        'ignore_errors' => true, // bodies of errors are read too
        'follow_location' => 0,
    ]]);
    for ($attempt = 1; $attempt <= TRIES; $attempt++) {
        $pause = min(60, 2 ** $attempt);
        // No answer: it may have been taken, and the `id` keeps it from being counted twice.
        $answer = @fopen("$url/v1/attribution/events", 'r', false, $context);
        $body = $answer ? stream_get_contents($answer) : '';
        $headers = $answer ? stream_get_meta_data($answer)['wrapper_data'] : [];
        $status = (int) (explode(' ', $headers[0] ?? '')[1] ?? 0);
        $receipt = $status === 200 ? json_decode($body, true) : null; // it may break off
        if ($receipt) {
            return $receipt;
        }
        // 429 and 503 say when to come again, 408 is a proxy's; what else is below 500 is a fault of the event.
        if ($status >= 300 && $status < 500 && !in_array($status, [408, 429])) {
            throw new RuntimeException("$status $body");
        }
        foreach ($headers as $line) {
            if (stripos($line, 'Retry-After:') === 0) {
                $pause = (int) substr($line, strlen('Retry-After:')) ?: $pause;
            }
        }
        sleep($pause);
    }
    throw new RuntimeException('Clicktrail did not answer; keep the event and send it later, with the same id.');
}

$receipt = send($url, $token, [
    'id' => 'order-1001-placed', // the same id is the same event for ever
    'action' => 'order.placed',
    'profile' => 'ana',
    'object_parameters' => ['reference' => '1001', 'source' => 'shop'],
    'amount' => '395.00',
    'currency' => 'USD',
]);
echo $receipt['status'], ' ', $receipt['id'], "\n";
