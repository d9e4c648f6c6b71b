// The guide's publishers, as they stand there.
const amqp = require('amqplib');

const RABBITMQ_URL = process.env.RABBITMQ_URL;

(async () => {
    const connection = await amqp.connect(RABBITMQ_URL);
    const channel = await connection.createChannel();

    await channel.assertExchange('vss.events', 'topic', { durable: true });
    await channel.assertExchange('vss.commands', 'topic', { durable: true });

    const publishCallStart = async (callData) => {
        const eventData = {
            event: 'call.start',
            timestamp: new Date().toISOString(),
            call_id: callData.call_id,
            slot_id: callData.slot_id,
            phone_number: callData.phone_number,
            operator_id: callData.operator_id
        };
        channel.publish(
            'vss.events',
            'call.start',
            Buffer.from(JSON.stringify(eventData)),
            {
                persistent: true,
                contentType: 'application/json'
            }
        );
        console.log('[OTTB] 📤 Опубликовано событие call.start:', callData.call_id);
    };

    const publishSlotUpdate = async (slotId, status) => {
        const eventData = {
            event: 'slot.update',
            timestamp: new Date().toISOString(),
            slot_id: slotId,
            status: status,
            metadata: {
                cpu_usage: 45.2,
                ram_usage: 1024,
                battery: 85
            }
        };
        channel.publish(
            'vss.events',
            'slot.update',
            Buffer.from(JSON.stringify(eventData)),
            { persistent: true }
        );
    };

    const sendAutodialLead = async (leadData) => {
        const commandData = {
            command: 'autodial.lead',
            timestamp: new Date().toISOString(),
            lead_id: leadData.lead_id,
            phone_number: leadData.phone_number,
            campaign_id: leadData.campaign_id,
            priority: leadData.priority || 5,
            metadata: leadData.metadata || {}
        };
        channel.publish(
            'vss.commands',
            'autodial.lead',
            Buffer.from(JSON.stringify(commandData)),
            {
                persistent: true,
                priority: commandData.priority
            }
        );
    };

    const executeGacsCommand = async (slotId, scriptName, params) => {
        const commandData = {
            command: 'gacs.execute',
            timestamp: new Date().toISOString(),
            slot_id: slotId,
            script_name: scriptName,
            params: params
        };
        channel.publish(
            'vss.commands',
            'gacs.execute',
            Buffer.from(JSON.stringify(commandData)),
            { persistent: true }
        );
    };

    const sendSystemAlert = async (severity, message, details) => {
        const alertData = {
            event: 'system.alert',
            timestamp: new Date().toISOString(),
            severity: severity,
            message: message,
            details: details,
            source: 'OTTB'
        };
        channel.publish(
            'vss.events',
            'system.alert',
            Buffer.from(JSON.stringify(alertData)),
            { persistent: true }
        );
    };

    const runCampaign = async (req, res) => {
        const { campaign_id, lead_list } = req.body;
        for (const lead of lead_list) {
            channel.publish('vss.commands', 'autodial.lead',
                Buffer.from(JSON.stringify({
                    command: 'autodial.lead',
                    timestamp: new Date().toISOString(),
                    lead_id: lead.id,
                    phone_number: lead.phone,
                    campaign_id: campaign_id,
                    priority: lead.priority || 5,
                    metadata: {
                        client_name: lead.name,
                        lead_source: lead.source
                    }
                })),
                {
                    persistent: true,
                    priority: lead.priority || 5
                }
            );
        }
        res.json({
            success: true,
            message: `${lead_list.length} лидов добавлено в очередь`
        });
    };

    await publishCallStart({
        call_id: 'c_1234',
        slot_id: 44,
        phone_number: '+79991234567',
        operator_id: 'op1'
    });
    await publishSlotUpdate(44, 'busy');
    await sendAutodialLead({
        lead_id: 'lead_5678',
        phone_number: '+79991234567',
        campaign_id: 'campaign_123',
        priority: 10,
        metadata: {
            client_name: 'Иван Иванов',
            lead_source: 'website'
        }
    });
    await executeGacsCommand(44, 'open_dialer_app', {
        phone_number: '+79991234567',
        auto_call: true
    });
    await executeGacsCommand(45, 'broken_script', {});
    await sendSystemAlert('warning', 'Слот 44 не отвечает', {
        slot_id: 44,
        last_seen: '2025-01-15T14:30:00Z',
        attempts: 5
    });
    await sendSystemAlert('critical', 'Нет связи', {});
    await runCampaign(
        {
            body: {
                campaign_id: 'campaign_124',
                lead_list: [
                    { id: 'lead_1', phone: '+79990000001', name: 'А', source: 'website' },
                    { id: 'lead_2', phone: '+79990000002', name: 'Б', source: 'website', priority: 9 }
                ]
            }
        },
        { json: (answer) => console.log('>> ' + JSON.stringify(['answer', answer])) }
    );
    await channel.close();
    await connection.close();
})();
