"""Reads the topic with an ordinary Kafka client and prints each event once, whatever was sent twice.

usage: read_topic.py BROKERS TOPIC    (Python with confluent-kafka; .dev/venv has it)

A log file that had to be sent again is on the topic again. All its messages are in one partition, numbered from 0, so a reader
that takes a message only when its index is the next one of its log file has each event once: docs/topic-contract.md.
"""

import collections
import json
import sys

import confluent_kafka as kafka


def messages(brokers, topic):
    """Every message that is on the topic now, partition by partition."""
    consumer = kafka.Consumer({"bootstrap.servers": brokers, "group.id": "read_topic", "enable.auto.commit": False})
    for partition in consumer.list_topics(topic, timeout=30).topics[topic].partitions:
        place = kafka.TopicPartition(topic, partition, kafka.OFFSET_BEGINNING)
        _, end = consumer.get_watermark_offsets(place, timeout=30)
        consumer.assign([place])
        while consumer.position([place])[0].offset < end:
            message = consumer.poll(30)
            if message is None or message.error():
                sys.exit(f"partition {partition} does not answer: {message and message.error()}")
            yield message
    consumer.close()


def main(brokers, topic):
    next_index = collections.Counter()  # log file → index of the message that it wants next
    taken = collections.Counter()
    for message in messages(brokers, topic):
        log_file, _, index = message.key().decode().rpartition("/")
        if index == "end":
            taken["end of file"] += 1
        elif int(index) != next_index[log_file]:
            taken["repeated"] += 1
        else:
            next_index[log_file] += 1
            value = json.loads(message.value())
            taken[value["kind"]] += 1
            if value["kind"] == "event":
                who = value.get("user_identity", {}).get("arn", "-")
                print(value.get("event_time", "-"), value.get("event_source", "-"), value.get("event_name", "-"), who, sep="\t")
    print(", ".join(f"{count} {what}" for what, count in taken.items()), file=sys.stderr)


main(*sys.argv[1:])
