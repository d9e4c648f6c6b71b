// The guide's consumers, as they stand there; DCI and WORKSPACE have a connection each.
const amqp = require('amqplib');
const {
    io, pool, findAvailableSlot, initiateCall, executeGacsScript, logCriticalAlert
} = require('./surroundings');

const RABBITMQ_URL = process.env.RABBITMQ_URL;

const workspace = async () => {
    const connection = await amqp.connect(RABBITMQ_URL);
    const channel = await connection.createChannel();

    await channel.assertQueue('vss.call.events', { durable: true });
    await channel.consume('vss.call.events', async (msg) => {
        if (msg !== null) {
            try {
                const eventData = JSON.parse(msg.content.toString());
                console.log('[WORKSPACE] 📥 Получено событие звонка:', eventData);
                switch(eventData.event) {
                    case 'call.start':
                        io.emit('call:started', eventData);
                        break;
                    case 'call.end':
                        io.emit('call:ended', eventData);
                        break;
                    case 'call.update':
                        io.emit('call:updated', eventData);
                        break;
                }
                channel.ack(msg);
            } catch (error) {
                console.error('[WORKSPACE] ❌ Ошибка обработки события:', error);
                channel.nack(msg, false, true);
            }
        }
    }, {
        noAck: false
    });

    await channel.assertQueue('vss.system.alerts', { durable: true });
    await channel.consume('vss.system.alerts', async (msg) => {
        if (msg !== null) {
            try {
                const alertData = JSON.parse(msg.content.toString());
                switch(alertData.severity) {
                    case 'critical':
                        io.to('admins').emit('system:critical-alert', alertData);
                        await logCriticalAlert(alertData);
                        break;
                    case 'error':
                        io.to('admins').emit('system:error', alertData);
                        break;
                    case 'warning':
                        io.to('supervisors').emit('system:warning', alertData);
                        break;
                    case 'info':
                        console.log('[WORKSPACE] ℹ️ Информационное сообщение:', alertData.message);
                        break;
                }
                channel.ack(msg);
            } catch (error) {
                console.error('[WORKSPACE] ❌ Ошибка обработки алерта:', error);
                channel.nack(msg, false, true);
            }
        }
    }, { noAck: false });
};

const dci = async () => {
    const connection = await amqp.connect(RABBITMQ_URL);
    const channel = await connection.createChannel();

    await channel.assertQueue('vss.autodial.leads', { durable: true });
    await channel.consume('vss.autodial.leads', async (msg) => {
        if (msg !== null) {
            try {
                const leadData = JSON.parse(msg.content.toString());
                console.log('[DCI] 📥 Получен лид для автодозвона:', leadData.lead_id);
                const availableSlot = await findAvailableSlot();
                if (availableSlot) {
                    await initiateCall(availableSlot.id, leadData.phone_number);
                    channel.publish('vss.events', 'call.start',
                        Buffer.from(JSON.stringify({
                            call_id: `c_${Date.now()}`,
                            slot_id: availableSlot.id,
                            phone_number: leadData.phone_number,
                            lead_id: leadData.lead_id,
                            campaign_id: leadData.campaign_id
                        }))
                    );
                    channel.ack(msg);
                } else {
                    console.log('[DCI] ⚠️ Нет свободных слотов, возвращаем лид в очередь');
                    setTimeout(() => {
                        channel.nack(msg, false, true);
                    }, 5000);
                }
            } catch (error) {
                console.error('[DCI] ❌ Ошибка обработки лида:', error);
                channel.nack(msg, false, true);
            }
        }
    }, { noAck: false });

    await channel.assertQueue('vss.gacs.commands', { durable: true });
    await channel.consume('vss.gacs.commands', async (msg) => {
        if (msg !== null) {
            try {
                const commandData = JSON.parse(msg.content.toString());
                const result = await executeGacsScript(
                    commandData.slot_id,
                    commandData.script_name,
                    commandData.params
                );
                if (result.success) {
                    channel.publish('vss.events', 'gacs.completed',
                        Buffer.from(JSON.stringify({
                            slot_id: commandData.slot_id,
                            script_name: commandData.script_name,
                            result: result
                        }))
                    );
                    channel.ack(msg);
                } else {
                    throw new Error(result.error);
                }
            } catch (error) {
                channel.publish('vss.events', 'gacs.failed',
                    Buffer.from(JSON.stringify({
                        slot_id: commandData_slot(msg),
                        error: error.message
                    }))
                );
                channel.nack(msg, false, false);
            }
        }
    }, { noAck: false });

    // The guide's consumer of dead letters names vss.events, which is an exchange; the queue is this one.
    await channel.consume('vss.commands.failed', async (msg) => {
        if (msg.fields.routingKey === 'command.failed') {
            const failedCommand = JSON.parse(msg.content.toString());
            console.error('[DCI] Неудачная команда:', failedCommand);
            await pool.query(
                'INSERT INTO failed_commands (command_type, data, error) VALUES ($1, $2, $3)',
                [failedCommand.command, JSON.stringify(failedCommand), 'Processing failed']
            );
            channel.ack(msg);
        }
    });
};

// In the guide `commandData` is out of scope in the catch: the one line that cannot run as it stands.
const commandData_slot = (msg) => JSON.parse(msg.content.toString()).slot_id;

(async () => {
    await workspace();
    await dci();
    console.log('>> ["ready"]');
})();
