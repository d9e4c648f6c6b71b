// The guide's full cycle of a call: `node cycle.js ottb | dci | workspace`.
const amqp = require('amqplib');
const { io, pool, initiateSipCall } = require('./surroundings');

const ottb = async (channel, connection) => {
    const callStart = async (req, res) => {
        const { slot_id, phone_number, operator_id } = req.body;
        const call = await pool.query(
            'INSERT INTO calls (slot_id, phone_number, operator_id, status) VALUES ($1, $2, $3, $4) RETURNING *',
            [slot_id, phone_number, operator_id, 'initiating']
        );
        const callId = call.rows[0].id;
        channel.publish('vss.events', 'call.start',
            Buffer.from(JSON.stringify({
                event: 'call.start',
                timestamp: new Date().toISOString(),
                call_id: callId,
                slot_id: slot_id,
                phone_number: phone_number,
                operator_id: operator_id
            })),
            { persistent: true }
        );
        res.json({ success: true, call_id: callId });
    };
    await callStart(
        { body: { slot_id: 44, phone_number: '+79991234567', operator_id: 'op1' } },
        { json: (answer) => console.log('>> ' + JSON.stringify(['answer', answer])) }
    );
    await channel.close();
    await connection.close();
};

const dci = async (channel) => {
    channel.consume('vss.call.events', async (msg) => {
        const eventData = JSON.parse(msg.content.toString());
        if (eventData.event === 'call.start') {
            console.log(`[DCI] Обработка звонка ${eventData.call_id}`);
            await initiateSipCall(eventData.slot_id, eventData.phone_number);
            channel.publish('vss.events', 'slot.update',
                Buffer.from(JSON.stringify({
                    slot_id: eventData.slot_id,
                    status: 'busy',
                    current_call: eventData.call_id
                }))
            );
            channel.ack(msg);
        }
    });
};

const workspace = async (channel) => {
    channel.consume('vss.call.events', async (msg) => {
        const eventData = JSON.parse(msg.content.toString());
        io.emit('call:update', eventData);
        if (eventData.operator_id) {
            io.to(eventData.operator_id).emit('call:personal-update', eventData);
        }
        channel.ack(msg);
    });
};

(async () => {
    const connection = await amqp.connect(process.env.RABBITMQ_URL);
    const channel = await connection.createChannel();
    await { ottb, dci, workspace }[process.argv[2]](channel, connection);
})();
