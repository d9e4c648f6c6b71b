// The guide's REST functions and its metrics handler; host, port and password come from outside.
const amqp = require('amqplib');

const API = process.env.RABBITMQ_API;
const LOGIN = process.env.RABBITMQ_LOGIN;

const getQueues = async () => {
    const response = await fetch(`${API}/api/queues/%2Fvss`, {
        headers: {
            'Authorization': 'Basic ' + btoa(LOGIN)
        }
    });
    return await response.json();
};

// `addition` is empty for the guide's own words; RabbitMQ wants the field `payload_encoding` besides.
const publishViaAPI = async (exchange, routingKey, payload, addition = {}) => {
    const response = await fetch(`${API}/api/exchanges/%2Fvss/${exchange}/publish`, {
        method: 'POST',
        headers: {
            'Authorization': 'Basic ' + btoa(LOGIN),
            'Content-Type': 'application/json'
        },
        body: JSON.stringify({
            routing_key: routingKey,
            payload: JSON.stringify(payload),
            properties: {
                delivery_mode: 2
            },
            ...addition
        })
    });
    return await response.json();
};

const metrics = async () => {
    const connection = await amqp.connect(process.env.RABBITMQ_URL);
    const channel = await connection.createChannel();
    const metrics = {
        exchanges: {},
        queues: {}
    };
    const queues = [
        'vss.call.events',
        'vss.slot.events',
        'vss.autodial.leads',
        'vss.gacs.commands'
    ];
    for (const queueName of queues) {
        const queueInfo = await channel.checkQueue(queueName);
        metrics.queues[queueName] = {
            messageCount: queueInfo.messageCount,
            consumerCount: queueInfo.consumerCount
        };
    }
    await connection.close();
    return metrics;
};

(async () => {
    const tell = (what, said) => console.log('>> ' + JSON.stringify([what, said]));
    tell('queues', (await getQueues()).map((queue) => queue.name));
    const addition = { payload_encoding: 'string' };
    tell('as it stands', await publishViaAPI('vss.events', 'call.start', { event: 'call.start', call_id: 'c_0' }));
    tell('routed', await publishViaAPI('vss.events', 'call.start', { event: 'call.start', call_id: 'c_1' }, addition));
    tell('unrouted', await publishViaAPI('vss.events', 'calls.start', { event: 'calls.start' }, addition));
    tell('metrics', await metrics());
})();
