// The guide's test-rabbitmq.js; only the URL comes from outside.
const amqp = require('amqplib');

async function testRabbitMQ() {
    try {
        const connection = await amqp.connect(process.env.RABBITMQ_URL);
        const channel = await connection.createChannel();

        console.log('✅ Подключение успешно');

        await channel.checkExchange('vss.events');
        console.log('✅ Exchange vss.events существует');

        await channel.checkExchange('vss.commands');
        console.log('✅ Exchange vss.commands существует');

        await channel.checkQueue('vss.call.events');
        console.log('✅ Queue vss.call.events существует');

        const testData = {
            event: 'test',
            timestamp: new Date().toISOString(),
            message: 'Тестовое сообщение'
        };

        channel.publish('vss.events', 'system.alert',
            Buffer.from(JSON.stringify(testData)),
            { persistent: true }
        );

        console.log('✅ Тестовое сообщение опубликовано');

        await connection.close();
        console.log('\n🎉 Все проверки пройдены!');

    } catch (error) {
        console.error('❌ Ошибка:', error.message);
    }
}

testRabbitMQ();
